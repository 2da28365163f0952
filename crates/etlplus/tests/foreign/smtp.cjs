// A mail server that writes each message to its standard output: one line of JSON. Its first line is the port.
"use strict";
const { SMTPServer } = require("smtp-server");

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS", "AUTH"],
  onData(stream, session, callback) {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      const { mailFrom, rcptTo } = session.envelope;
      const to = rcptTo.map((address) => address.address);
      const message = Buffer.concat(chunks).toString("utf8");
      process.stdout.write(JSON.stringify({ from: mailFrom.address, to, message }) + "\n");
      callback();
    });
  },
});

// The test ends it by closing its standard input.
process.stdin.on("end", () => process.exit(0)).resume();
server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  process.stdout.write(server.server.address().port + "\n");
});
