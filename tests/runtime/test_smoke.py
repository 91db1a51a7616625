def test_x(desk, state_url):
    desk.change(state=state_url)
    a = desk.sync(); print(a["totals"])
    n = desk.writes
    b = desk.sync(); print(b["totals"])
    assert desk.writes == n
    r = desk.run("plan", "activation", "--json"); print(r.code, r.json()["totals"], r.err)
    r = desk.invoke("plan", "activation", "--json"); print(r.code, r.json()["totals"], r.err)
