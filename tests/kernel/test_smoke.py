"""The house stands."""

from tests.support.page import Page


def test_an_unknown_domain_is_a_plain_404_page(page: Page) -> None:
    page.get("/Portal/@nobody.example/", status=404)


def test_a_get_in_the_wrong_case_is_sent_to_the_right_page(page: Page, acme: object) -> None:
    page.get("/portal/@ACME.example/", status=308)
    assert page.location == "/Portal/@acme.example/"
