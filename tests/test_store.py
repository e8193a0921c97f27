"""What an operator says about the store, and what befalls its disk: D rows of the catalogue."""

import pytest

pytestmark = pytest.mark.burbled_only


class TestDurability:
    def test_relaxed_is_warned_of_at_every_start(self, start_server):
        server = start_server(extra={"durability": "relaxed"})
        mark = server.mark()
        assert server.saw("store.relaxed", 0)["level"] == "warning"
        server.user("kept").close()
        server.stop()
        server.start()
        server.saw("store.relaxed", mark)

    def test_strict_is_what_is_meant_without_a_word(self, start_server):
        server = start_server()
        assert not any(e["event"] == "store.relaxed" for e in server.log.events())

    def test_a_reload_does_not_change_it(self, start_server):
        server = start_server()
        server.settings["durability"] = "relaxed"
        mark = server.reload()
        assert "durability" in server.saw("config.error", mark)["cond"]
