"""The asyncio client for the AcademyOcean learning platform."""
