/* XEP-0082 (1.1.1) date and time profiles, proleptic Gregorian calendar in UTC. */
#include "base/time.h"

#include <stdio.h>

static const int64_t DAY_MS = 86400000;

/* Days since 1970-01-01 of a civil date, by counting years from March (400-year eras). */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

unsigned time_stamp(int64_t wall_ms, char out[TIME_STAMP_BYTES])
{
    const int64_t first = days_of(0, 1, 1) * DAY_MS, last = days_of(10000, 1, 1) * DAY_MS - 1;
    wall_ms = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
    int64_t days = wall_ms / DAY_MS, rest = wall_ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    int year, month, day;
    civil_of(days, &year, &month, &day);
    int n = snprintf(out, TIME_STAMP_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                     (unsigned)year % 10000U, (unsigned)month % 100U, (unsigned)day % 100U,
                     (unsigned)(rest / 3600000) % 100U, (unsigned)(rest / 60000 % 60),
                     (unsigned)(rest / 1000 % 60), (unsigned)(rest % 1000));
    return (unsigned)n;
}

/* Reads exactly n digits at *at. */
static bool digits(struct slice s, size_t *at, unsigned n, int *out)
{
    int value = 0;
    if (s.len - *at < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        char c = s.ptr[*at + i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += n;
    *out = value;
    return true;
}

static bool literal(struct slice s, size_t *at, char c)
{
    if (*at >= s.len || s.ptr[*at] != c)
        return false;
    (*at)++;
    return true;
}

static bool fraction(struct slice s, size_t *at, int *ms_out)
{
    *ms_out = 0;
    if (!literal(s, at, '.'))
        return true;
    int scale = 100;
    size_t first = *at;
    while (*at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9') {
        *ms_out += (s.ptr[*at] - '0') * scale;
        scale /= 10;
        (*at)++;
    }
    return *at > first;
}

static bool zone(struct slice s, size_t *at, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (literal(s, at, 'Z'))
        return true;
    int sign = literal(s, at, '+') ? 1 : literal(s, at, '-') ? -1 : 0;
    int hours, minutes;
    if (sign == 0 || !digits(s, at, 2, &hours) || !literal(s, at, ':') ||
        !digits(s, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_ms = (int64_t)sign * (hours * 60 + minutes) * 60000;
    return true;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool time_parse(struct slice s, int64_t *wall_ms_out)
{
    size_t at = 0;
    int year, month, day, hour, minute, second, ms;
    int64_t offset;
    if (!digits(s, &at, 4, &year) || !literal(s, &at, '-') || !digits(s, &at, 2, &month) ||
        !literal(s, &at, '-') || !digits(s, &at, 2, &day) || !literal(s, &at, 'T') ||
        !digits(s, &at, 2, &hour) || !literal(s, &at, ':') || !digits(s, &at, 2, &minute) ||
        !literal(s, &at, ':') || !digits(s, &at, 2, &second) || !fraction(s, &at, &ms) ||
        !zone(s, &at, &offset) || at != s.len)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    int64_t seconds = (int64_t)hour * 3600 + minute * 60 + second;
    *wall_ms_out = days_of(year, month, day) * DAY_MS + seconds * 1000 + ms - offset;
    return true;
}
