using Cilium.Hosts.Hubble;
using Cilium.Hubble.Printing;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Tests.Observe;

/// <summary>The names of <c>--time-format</c>; the layouts are upstream's (hubble/pkg/time).</summary>
public sealed class TimeFormatTests
{
    // 2024-01-02 15:04:05 UTC.
    private const long Second = 1704207845;

    [Theory]
    [InlineData(null, 120_000_000, "Jan  2 15:04:05.120")]
    [InlineData("stampmilli", 120_000_000, "Jan  2 15:04:05.120")]
    [InlineData("no such name", 120_000_000, "Jan  2 15:04:05.120")]
    [InlineData("YearMonthDay", 120_000_000, "2024-01-02")]
    [InlineData("YearMonthDayHour", 120_000_000, "2024-01-02T15Z")]
    [InlineData("YearMonthDayHourMinute", 120_000_000, "2024-01-02T15:04Z")]
    [InlineData("RFC3339", 120_000_000, "2024-01-02T15:04:05Z")]
    [InlineData("rfc3339milli", 120_000_000, "2024-01-02T15:04:05.12Z")]
    [InlineData("RFC3339Milli", 900_000, "2024-01-02T15:04:05Z")]
    [InlineData("RFC3339Micro", 120_000_999, "2024-01-02T15:04:05.12Z")]
    [InlineData("RFC3339Micro", 120_456_000, "2024-01-02T15:04:05.120456Z")]
    [InlineData("RFC3339Nano", 120_456_780, "2024-01-02T15:04:05.12045678Z")]
    [InlineData("RFC3339Nano", 1, "2024-01-02T15:04:05.000000001Z")]
    [InlineData("RFC3339Nano", 0, "2024-01-02T15:04:05Z")]
    [InlineData("RFC1123Z", 120_000_000, "Tue, 02 Jan 2024 15:04:05 +0000")]
    public void A_name_has_upstreams_layout(string? name, int nanoseconds, string expected) =>
        Assert.Equal(expected, FlowText.Time(new Timestamp { Seconds = Second, Nanos = nanoseconds }, TimeFormats.Find(name)));
}
