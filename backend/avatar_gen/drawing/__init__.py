"""What a picture looks like. Pure: no I/O, no HTTP, no SQL, no image library.

A style turns a seed into a `Drawing`: an index map at any size, and the palette that its indices point
into. A filter changes the palette alone.
"""
