"""Nobody edits an applied migration: each is listed here with its checksum. A new one gets a line."""

from pathlib import Path

from processor import migrations
from processor.pipelines import load

FROZEN = {
    "0001_framework": "aa961c077c36d7d16973f6db384251ac42db981fe3c3d248511daf33fece2544",
    "0002_reference_data": "672b8bbe441fc572a8306fdc3d97e1ee0c921607360a6c1bd3f993aa794a1f82",
    "0003_dismissed_rejections": "09ee6536ea6e5e8e25ff1f84aaa5204432a6964c39ccb384d785ff41281ab1b1",
    "0004_reader": "7e94029b0f761cf20c0dba6b6aa99d4bb6da15c6b485cdd0b247e3bf039cf6b5",
    "0005_follow_up": "fce033ded9323619c4e4141298c50e711d6e756744eb4fb9c5279369d2225cd9",
    "0006_erasure": "5a8fb878bc635257ed61c8b045996b9792f1686d0b89c9753355d43c13359278",
    "0007_marks": "31e5f9fa0b7d7f948044a3e398a88a56c3cce40e8a4ebb5fdabc6e5d3bf06694",
    "0001_student_performance": "d8a1254b39f6206db3127a1bdc898b7483153d9797e62b8df0a05a82efdfde21",
    "0002_projections": "c4a95f277afceac275851070f01c5ca256d5d61d6d988de462e9daafd4710b29",
    "0003_risk": "f420bf5528fd7622cc3b60f456533a7593e54313debc4fa5941d1cea58a69a4f",
    "0004_pages": "a8ffae1e89f581004d55d847c7e2c369b0cd8c61f3aa73589e40de6a8e1995e2",
    "0005_summaries": "dd555a92d377994bafd4f65311f7d055e46a69ad7746c16e0b671bab81d5c35c",
    "0006_alerts": "c2f8479607cc46df59b1b520f10f2a10b8cd483a0009a2f56eb1e9cbcddd3414",
    "0007_lessons": "1cee470b2301645da422a8d0278749ff19db5abad879695e1a9d502d777c95b9",
}


def folders() -> list[Path]:
    shared = Path(migrations.__file__).parent / "sql" / "migrations"
    return [shared, *(pipeline.migrations for pipeline in load().values())]


def test_no_migration_was_edited() -> None:
    found = {str(m): m.checksum for folder in folders() for m in migrations.available(folder)}
    assert found == FROZEN
