"""Registers, proves and activates models."""
