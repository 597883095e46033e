from shared import service

service.run("alerts")
