"""What tests against panneuro need: conformance suites, faults on demand, and real servers."""
