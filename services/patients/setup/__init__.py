"""Set-up pages for nurses and administrators: enrolment, quarantine, hours, programmes, lists."""
