"""Other systems: what they are sent, how each connection fares, alerts as FHIR."""
