"""Bulk export that survives being killed: jobs in, files out, each row once.

from aoclient.export import ProgressByCourseJob, export

manifest = await export(ao, [ProgressByCourseJob()], "progress/", format="jsonl.gz")
"""

from aoclient.export.bylearner import CertificatesJob, CourseProgressJob, QuizStatisticsJob
from aoclient.export.columns import Column, Kind, Table
from aoclient.export.events import Committed, Event, FailedShard, PageWritten, Planned, Started, Waiting
from aoclient.export.executing import LocalExecutor, ShardExecutor, Work
from aoclient.export.formats import Csv, FileFormat, JsonLines, RowWriter
from aoclient.export.frames import to_arrow, to_pandas, to_polars
from aoclient.export.jobs import (
    ActionJob,
    CoursesJob,
    Job,
    LearnersJob,
    Part,
    ProgressByCourseJob,
    TeamsJob,
)
from aoclient.export.parquet import Parquet
from aoclient.export.planning import Estimate, estimate, plan
from aoclient.export.records import Manifest, Refresh, ShardRecord
from aoclient.export.run import export
from aoclient.export.targets import FORMATS, Format, read_manifest

__all__ = [
    "FORMATS",
    "ActionJob",
    "CertificatesJob",
    "Column",
    "Committed",
    "CourseProgressJob",
    "CoursesJob",
    "Csv",
    "Estimate",
    "Event",
    "FailedShard",
    "FileFormat",
    "Format",
    "Job",
    "JsonLines",
    "Kind",
    "LearnersJob",
    "LocalExecutor",
    "Manifest",
    "PageWritten",
    "Parquet",
    "Part",
    "Planned",
    "ProgressByCourseJob",
    "QuizStatisticsJob",
    "Refresh",
    "RowWriter",
    "ShardExecutor",
    "ShardRecord",
    "Started",
    "Table",
    "TeamsJob",
    "Waiting",
    "Work",
    "estimate",
    "export",
    "plan",
    "read_manifest",
    "to_arrow",
    "to_pandas",
    "to_polars",
]
