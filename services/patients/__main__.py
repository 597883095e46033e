from shared import service

service.run("patients")
