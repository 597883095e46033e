from shared import service

service.run("ingest")
