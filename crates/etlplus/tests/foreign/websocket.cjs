// Prints every frame that a server sends, a line each: `websocket.cjs ws://HOST:PORT/ws`. It says nothing itself.
"use strict";

const WebSocket = require("ws");

const socket = new WebSocket(process.argv[2]);
socket.on("message", (message) => process.stdout.write(`${JSON.stringify(JSON.parse(message))}\n`));
socket.on("close", (code, reason) => { throw new Error(`closed: ${code} ${reason}`); });
