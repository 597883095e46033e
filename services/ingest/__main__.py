from shared import service

service.run("ingest", http="services.ingest.wire:Wire")
