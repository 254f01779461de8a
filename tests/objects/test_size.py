from tests.conftest import MakeApp


def test_the_object_of_a_pixel_avatar_takes_one_block_of_the_disk(make_app: MakeApp) -> None:
    app = make_app().start()
    sizes = [app.object(app.generate(type="pixelize")).stat() for _ in range(50)]
    assert max(each.st_size for each in sizes) <= 4096
    assert max(each.st_blocks * 512 for each in sizes) <= 4096
