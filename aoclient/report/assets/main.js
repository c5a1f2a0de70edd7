// What each card shows, and the filters.

const MOST_COURSES = 20;
const MOST_QUESTIONS = 10;
const LEAST_ANSWERS = 10;
const HAS = { learners: data.seen.some((row) => row[0] === ALL), progress: data.progress.length > 0 };
const missing = (job) => `Not in this export: it takes the job ${job}.`;
const nothing = "Nothing for this choice.";
const courseName = (course) => data.courses[course];

function funnel() {
  const courses = [...sums(data.progress, 0, 2)].sort(([, a], [, b]) => b[0] - a[0]);
  const some = courses.slice(0, MOST_COURSES);
  const share = (pick) => some.map(([, sum]) => (100 * pick(sum)) / sum[0]);
  const people = (pick) => some.map(([, sum]) => pick(sum));
  const bands = [
    ["Completed", "--done", (sum) => sum[3]],
    ["Half or more", "--half", (sum) => sum[2] - sum[3]],
    ["Begun", "--begun", (sum) => sum[1] - sum[2]],
    ["Not begun", "--idle", (sum) => sum[0] - sum[1]],
  ];
  const rest = courses.length - some.length;
  draw("funnel", {
    type: "bar", isLying: true, isStacked: true, max: 100, height: 74 + 36 * some.length,
    labels: some.map(([course]) => courseName(course)),
    series: bands.map(([label, color, pick]) => ({ label, color: css(color), data: share(pick), people: people(pick) })),
    format: (value) => `${Math.round(value)} %`,
    tip: (item) => `${whole(item.dataset.people[item.dataIndex])} (${Math.round(item.raw)} %)`,
    ticks: names(34, 15),
    note: !HAS.progress ? missing("progress_by_course") : !some.length ? nothing
      : `Share of the learners of each course${rest ? `; the ${MOST_COURSES} largest of ${courses.length} courses` : ""}.`,
    numbers: {
      head: ["Course", "Learners", "Begun", "Half or more", "Completed"],
      rows: some.map(([course, [listed, begun, half, done]]) => [
        courseName(course), whole(listed), ...[begun, half, done].map((count) => `${whole(count)} (${percent(count, listed)})`),
      ]),
    },
  });
}

function weeks() {
  const all = unbroken(data.weeks, 2, 260);
  const labels = all.map(([week]) => day(monday(week)));
  draw("weeks", {
    type: all.length > 1 ? "line" : "bar", labels,
    series: [
      { label: "Begun", color: css("--done"), data: all.map(([, sum]) => sum[0]) },
      { label: "Completed", color: css("--second"), data: all.map(([, sum]) => sum[1]), borderDash: [6, 3] },
    ],
    note: !HAS.progress ? missing("progress_by_course") : all.length ? "Courses begun and completed in the week from each Monday." : nothing,
    numbers: { head: ["Week from", "Begun", "Completed"], rows: all.map(([, sum], at) => [labels[at], ...sum.map(whole)]) },
  });
}

const span = (from, next) => (next === undefined ? `over ${from}` : from === 0 ? `under ${next}` : `${from}–${next}`);

function spent() {
  const found = classes(data.spent, data.spentFrom.length, 1);
  const hours = (minutes) => (minutes < 60 ? minutes : minutes / 60);
  const labels = data.spentFrom.map((from, at) => {
    const next = data.spentFrom[at + 1];
    const unit = (next ?? from) <= 60 ? "min" : "h";
    return unit === "min" ? `${span(from, next)} min` : `${span(hours(from), next && hours(next))} h`;
  });
  const isEmpty = !total(found);
  draw("spent", {
    type: "bar", labels: isEmpty ? [] : labels, ticks: broken(labels),
    series: [{ label: "Learners", color: css("--done"), data: found.map(([count]) => count) }],
    note: !HAS.progress ? missing("progress_by_course") : isEmpty ? nothing : "By learner and course, where it was begun.",
    numbers: { head: ["Time", "Learners"], rows: found.map(([count], at) => [labels[at], whole(count)]) },
  });
}

function scores() {
  const found = classes(data.scores, 10, 2, ofQuiz);
  const labels = found.map((_, at) => (at === 9 ? "90–100" : `${at * 10}–${at * 10 + 9}`));
  const passed = total(found), all = passed + total(found, 1);
  const aside = chosen.course !== ALL && !quizzesHaveCourses ? " Of all courses: the export does not tell whose each quiz is." : "";
  draw("scores", {
    type: "bar", isStacked: true, labels: all ? labels : [],
    series: [
      { label: "Passed", color: css("--good"), data: found.map((sum) => sum[0]) },
      { label: "Not passed", color: css("--bad"), data: found.map((sum) => sum[1]) },
    ],
    note: !data.scores.length ? missing("quiz_statistics") : all ? `Percent of a quiz, by learner and quiz; ${percent(passed, all)} passed.${aside}` : nothing,
    numbers: { head: ["Percent", "Passed", "Not passed"], rows: found.map((sum, at) => [labels[at], ...sum.map(whole)]) },
  });
}

function questions() {
  const found = sums(data.answers, 2, 3, ofQuiz);
  const courseOf = new Map(data.answers.map(([course, , question]) => [question, course]));
  const often = [...found].filter(([, [asked]]) => asked >= LEAST_ANSWERS);
  const wrong = ([, [asked, right]]) => (100 * (asked - right)) / asked;
  const hardest = often.sort((a, b) => wrong(b) - wrong(a) || b[1][0] - a[1][0]).slice(0, MOST_QUESTIONS);
  const labels = hardest.map(([question]) => {
    const course = courseOf.get(question);
    return (course === ALL ? "" : `${courseName(course)} · `) + data.questions[question];
  });
  draw("questions", {
    type: "bar", isLying: true, height: 44 + 34 * hardest.length, labels,
    series: [{ label: "Answered wrongly", color: css("--bad"), data: hardest.map(wrong), sums: hardest.map(([, sum]) => sum) }],
    format: (value) => `${Math.round(value)} %`,
    tip: (item) => {
      const [asked, right] = item.dataset.sums[item.dataIndex];
      return `${whole(asked - right)} of ${whole(asked)} (${Math.round(item.raw)} %)`;
    },
    ticks: names(52, 22),
    note: !data.answers.length ? missing("quiz_statistics") : hardest.length ? `Share of wrong answers, of questions with at least ${LEAST_ANSWERS} answers.` : nothing,
    numbers: {
      head: ["Question", "Answers", "Wrong", "Share"],
      rows: hardest.map(([, [asked, right]], at) => [labels[at], whole(asked), whole(asked - right), percent(asked - right, asked)]),
    },
  });
}

function unseen() {
  const from = data.unseenFrom;
  const isOf = (course) => course === chosen.course;
  const found = classes(data.seen, from.length + 1, 1, isOf);
  const labels = from.map((days, at) => (at + 1 < from.length ? `${days}–${from[at + 1] - 1}` : `> ${days - 1}`));
  labels.push("never");
  const isEmpty = !total(found);
  const who = chosen.course === ALL ? "Learners" : "Learners who began this course and did not complete it";
  draw("unseen", {
    type: "bar", labels: isEmpty ? [] : labels, ticks: ranges(labels), unit: "days",
    series: [{ label: "Learners", color: css("--second"), data: found.map(([count]) => count) }],
    note: !HAS.learners ? missing("learners") : isEmpty ? nothing : `${who}, by days between their last sign-in and the newest one, ${data.newest ? day(data.newest) : "–"}.`,
    numbers: { head: ["Days", "Learners"], rows: found.map(([count], at) => [labels[at], whole(count)]) },
  });
}

function certificates() {
  const all = unbroken(data.certificates, 1, 60);
  const labels = all.map(([at]) => month(at));
  draw("certificates", {
    type: "bar", labels,
    series: [{ label: "Certificates", color: css("--done"), data: all.map(([, [count]]) => count) }],
    note: !data.certificates.length ? missing("certificates") : all.length ? `${whole(total(all.map(([, sum]) => sum)))} certificates.` : nothing,
    numbers: { head: ["Month", "Certificates"], rows: all.map(([, [count]], at) => [labels[at], whole(count)]) },
  });
}

function tiles() {
  const progress = [...sums(data.progress, 0, 2).values()];
  const [listed, begun, , done, seconds] = [0, 1, 2, 3, 4].map((at) => total(progress, at));
  const quizzes = classes(data.scores, 10, 2, ofQuiz);
  const passed = total(quizzes), taken = passed + total(quizzes, 1);
  const everybody = HAS.learners && chosen.course === ALL;
  const learners = everybody ? total([...sums(data.seen, 2, 3, (course) => course === ALL).values()]) : listed;
  const issued = total([...sums(data.certificates, 2, 3).values()]);
  const rows = [
    [everybody || chosen.course !== ALL ? "Learners" : "Learners by course", whole(learners), ""],
    ["Courses begun", whole(begun), `${percent(begun, listed)} of ${whole(listed)}`],
    ["Completed", whole(done), `${percent(done, begun)} of begun`],
    ["Time spent", time(seconds), begun ? `${time(seconds / begun)} on average` : ""],
    ["Quizzes passed", percent(passed, taken), `${whole(taken)} taken`],
    ["Certificates", ...(data.certificates.length ? [whole(issued), ""] : ["–", "not in this export"])],
  ];
  document.getElementById("tiles").replaceChildren(...rows.map(([name, value, about]) => {
    const tile = make("div"), number = make("dd", value);
    number.append(make("small", about || "\u00a0"));
    tile.append(make("dt", name), number);
    return tile;
  }));
}

const courseTable = new Sorted(document.getElementById("courses"), [
  words("Course", (row) => row.name),
  number("Learners", (row) => row.sum[0]),
  number("Begun", (row) => row.sum[1]),
  number("Half or more", (row) => row.sum[2]),
  number("Completed", (row) => row.sum[3]),
  number("Of those begun", (row) => (row.sum[1] ? (100 * row.sum[3]) / row.sum[1] : 0), (value) => `${Math.round(value)} %`),
  number("Time, average", (row) => (row.sum[1] ? row.sum[4] / row.sum[1] : 0), time),
  number("Time, planned", (row) => row.planned, time),
], 1, true);

function courses() {
  courseTable.show([...sums(data.progress, 0, 2)].map(([course, sum]) => ({ name: courseName(course), sum, planned: data.planned[course] })));
}

// A learner: [name, address, combination of teams, day last seen ("" never, null unknown), courses], where a course is
// [number, percent passed, seconds, 1 where completed].
const teamsOf = (set) => data.sets[set].map((team) => data.teams[team]).join(", ");
const peopleCard = document.getElementById("people");
const search = make("input", null, { type: "search", placeholder: "Name or address", "aria-label": "Search learners" });
peopleCard.append(make("p", null, { class: "note" }));
const tools = make("div", null, { class: "tools" });
tools.append(search);
peopleCard.append(tools);
const peopleTable = new Sorted(peopleCard, [
  words("Learner", (row) => row.name),
  words("Address", (row) => row.email),
  words("Teams", (row) => row.teams),
  { name: "Last sign-in", value: (row) => row.seen ?? "\uffff", text: (row) => (row.seen ? day(row.seen) : row.seen === "" ? "never" : "–") },
  number("Begun", (row) => row.courses.length),
  number("Completed", (row) => row.courses.filter((each) => each[3]).length),
  number("Passed", (row) => (row.courses.length ? total(row.courses, 1) / row.courses.length : 0), (value) => `${Math.round(value)} %`),
  number("Time", (row) => total(row.courses, 2), time),
], 3, false);
peopleCard.hidden = data.isAnonymous || !data.people.length;

function people() {
  const asked = search.value.trim().toLowerCase();
  const rows = data.people
    .filter(([name, email, set]) => ofTeam(set) && (!asked || name.toLowerCase().includes(asked) || email.toLowerCase().includes(asked)))
    .map(([name, email, set, seen, all]) => ({ name, email, teams: teamsOf(set), seen, courses: all.filter(([course]) => ofCourse(course)) }))
    .filter((row) => chosen.course === ALL || row.courses.length);
  const left = data.learners - data.people.length;
  const about = left > 0 ? ` Only the ${whole(data.people.length)} with the oldest sign-in are in this page, ${whole(left)} are not.` : "";
  peopleCard.querySelector(".note").textContent = `${whole(rows.length)} learners${chosen.course === ALL ? "" : " who began this course"}.${about}`;
  peopleTable.show(rows);
}

const cards = [tiles, funnel, weeks, spent, scores, questions, unseen, certificates];
const redraw = () => cards.forEach((each) => each());

const filters = { course: document.getElementById("course"), team: document.getElementById("team") };
const option = (name, value) => make("option", name, { value, dir: "auto" });
const byName = (list) => list.map((name, at) => [name, at]).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
filters.course.append(option("All courses", ALL), ...byName(data.courses).map(([name, at]) => option(name, at)));
filters.team.append(option("All teams", ALL), ...byName(data.teams).map(([name, at]) => option(name, at)));
if (data.sets.some((set) => set.length)) filters.team.append(option("No team", NO_TEAM));

function choose() {
  chosen.course = Number(filters.course.value);
  chosen.team = Number(filters.team.value);
  redraw();
  courses();
  people();
}

filters.course.addEventListener("change", choose);
filters.team.addEventListener("change", choose);
document.getElementById("filters").addEventListener("reset", () => setTimeout(choose));
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("input", people);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

// Paper is light and as wide as it is, whatever the screen; charts are drawn for it before it is printed.
const paper = (isPaper) => {
  document.documentElement.classList.toggle("paper", isPaper);
  redraw();
};
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));
choose();
