"""Power cuts during visits: the booth in a machine whose disk loses what was not flushed, the world outside."""
