"""The central side: receiver, vault, redemption, booths. Imports of edge only messages, code and seal."""
