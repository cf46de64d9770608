"""How the bytes of an array are coded: ordinary Zarr v3 codecs, chosen by trial."""
