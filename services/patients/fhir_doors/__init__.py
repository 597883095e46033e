"""The record as FHIR R4, to be read and searched."""
