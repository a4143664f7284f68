"""Devices and nothing else: protocols, real drivers, simulators. Imports nothing from edge or fleet."""
