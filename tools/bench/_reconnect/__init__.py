"""What the reconnect bench is made of."""
