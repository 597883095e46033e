"""A development issuer: HelseID's and ID-porten's profiles for test systems, and nobody's identity.

It demands what those demand (pushed requests, PKCE, private_key_jwt, DPoP, exact addresses), so
that the services run the code they run in a hospital; only who somebody is, it takes on his word.
"""
