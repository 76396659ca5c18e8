"""Changes of tables that hold rows: what is lost is refused, history goes along, an event records it."""
