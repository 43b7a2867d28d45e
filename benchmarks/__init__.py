"""Evidence that effkit's measuring can be trusted, side by side with the tools people use today.

Run by `make bench`; each module prints its part of RESULTS.md.
"""
