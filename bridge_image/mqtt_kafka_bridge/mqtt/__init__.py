"""The MQTT link: a sans-IO session, and the asyncio transport under it."""
