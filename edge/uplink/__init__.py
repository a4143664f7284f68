"""The booth's way to its fleet over MQTT. What leaves the booth here is sealed, signed or free of personal data."""
