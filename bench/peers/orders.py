"""The orders' columns, which every peer is told, so that it need not guess."""

TYPES = {
    "order_id": "BIGINT",
    "customer_id": "BIGINT",
    "placed_at": "TIMESTAMP",
    "ship_by": "DATE",
    "country": "VARCHAR",
    "sku": "VARCHAR",
    "quantity": "INTEGER",
    "unit_price": "DECIMAL(12,2)",
    "weight": "DOUBLE",
    "gift": "BOOLEAN",
    "status": "VARCHAR",
    "email": "VARCHAR",
    "note": "VARCHAR",
}
