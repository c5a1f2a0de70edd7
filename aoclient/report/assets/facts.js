"use strict";
// What is in the page, and the sums over what is chosen. Every row is [course, combination of teams, ...].

const data = JSON.parse(document.getElementById("data").textContent);
const ALL = -1;
const NO_TEAM = -2;
const chosen = { course: ALL, team: ALL };

// Where no quiz has its course, choosing a course leaves the quizzes as they are.
const quizzesHaveCourses = data.scores.concat(data.answers).some((row) => row[0] !== ALL);

const ofCourse = (course) => chosen.course === ALL || course === chosen.course;
const ofQuiz = (course) => !quizzesHaveCourses || ofCourse(course);

function ofTeam(set) {
  const teams = data.sets[set];
  return chosen.team === ALL || (chosen.team === NO_TEAM ? !teams.length : teams.includes(chosen.team));
}

/** Sums of the columns from `from` on, by the column `by`, over the rows that are chosen. */
function sums(rows, by, from, isOf = ofCourse) {
  const found = new Map();
  const fits = data.sets.map((_, set) => ofTeam(set));
  for (const row of rows) {
    if (!fits[row[1]] || !isOf(row[0])) continue;
    const sum = found.get(row[by]);
    if (sum) for (let at = from; at < row.length; at += 1) sum[at - from] += row[at];
    else found.set(row[by], row.slice(from));
  }
  return found;
}

/** The same for classes 0 to count - 1, zeros where there is nothing. */
function classes(rows, count, width, isOf) {
  const found = sums(rows, 2, 3, isOf);
  return Array.from({ length: count }, (_, at) => found.get(at) ?? Array(width).fill(0));
}

/** The same without gaps from the first key to the last, the newest `most` of them: pairs of key and sums. */
function unbroken(rows, width, most) {
  const found = sums(rows, 2, 3);
  if (!found.size) return [];
  const keys = [...found.keys()];
  const last = keys.reduce((a, b) => Math.max(a, b));
  const first = Math.max(keys.reduce((a, b) => Math.min(a, b)), last - most + 1);
  return Array.from({ length: last - first + 1 }, (_, at) => [first + at, found.get(first + at) ?? Array(width).fill(0)]);
}

const total = (lists, at = 0) => lists.reduce((sum, list) => sum + list[at], 0);
const whole = (number) => Math.round(number).toLocaleString("en");
const percent = (part, of) => (of ? `${Math.round((100 * part) / of)} %` : "–");

function time(seconds) {
  const minutes = Math.round(seconds / 60);
  if (!seconds) return "–";
  if (minutes < 60) return `${Math.max(1, minutes)} min`;
  return minutes < 6000 ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min` : `${whole(minutes / 60)} h`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const month = (number) => `${MONTHS[number % 12]} ${Math.floor(number / 12)}`;

function day(iso) {
  const [year, at, date] = iso.split("-").map(Number);
  return `${date} ${MONTHS[at - 1]} ${year}`;
}

// Week 0 began on Monday, 1 January of the year 1; day 719163 was 1 January 1970.
const monday = (week) => new Date((week * 7 + 1 - 719163) * 86400000).toISOString().slice(0, 10);
