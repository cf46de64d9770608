"""The ground floor: names, digests, values and protocols that every room shares."""
