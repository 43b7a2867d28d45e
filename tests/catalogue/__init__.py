"""Tests of effkit.catalogue."""
