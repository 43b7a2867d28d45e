"""Results in a store behind an address, such as `s3://bucket/folder`.

What is run there is staged, measured and indexed in a *mirror*, a folder of this host; `sending` carries what is
finished to the store, and `fetching` brings here what others have put there.
"""
