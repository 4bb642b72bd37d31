using System.Buffers;
using System.Globalization;

namespace Cilium.ControlPlane.Configuration;

/// <summary>Durations as upstream's configuration writes them: <c>15m0s</c>, <c>1h30m</c>, <c>100ms</c>, <c>1.5s</c>.</summary>
/// <remarks>Source: the Go package <c>time</c>, function ParseDuration. The smallest unit kept is 100 ns.</remarks>
public static class GoDuration
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly (string Suffix, double Ticks)[] Units =
    [
        ("ns", 0.01), ("us", 10), ("µs", 10), ("ms", TimeSpan.TicksPerMillisecond),
        ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    /// <summary>Parses a duration; a bare number is refused, except <c>0</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        var rest = text;
        var negative = rest.StartsWith("-", StringComparison.Ordinal);
        if (negative || rest.StartsWith("+", StringComparison.Ordinal))
        {
            rest = rest[1..];
        }

        if (rest is "0")
        {
            return true;
        }

        double ticks = 0;
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0
                || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var unitLength = rest.IndexOfAnyInRange('0', '9');
            var unit = unitLength < 0 ? rest : rest[..unitLength];
            var scale = ScaleOf(unit);
            if (scale == 0)
            {
                return false;
            }

            ticks += number * scale;
            rest = rest[unit.Length..];
        }

        if (ticks >= long.MaxValue)
        {
            return false;
        }

        duration = TimeSpan.FromTicks((long)Math.Round(negative ? -ticks : ticks));
        return true;
    }

    /// <summary>The canonical text: <c>15m0s</c>, <c>100ms</c>, <c>0s</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        var sign = duration < TimeSpan.Zero ? "-" : "";
        var absolute = duration.Duration();
        if (absolute < TimeSpan.FromMilliseconds(1))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{absolute.TotalMicroseconds:0.###}µs");
        }

        if (absolute < TimeSpan.FromSeconds(1))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{absolute.TotalMilliseconds:0.######}ms");
        }

        var hours = (long)absolute.TotalHours;
        var seconds = (absolute.Ticks % TimeSpan.TicksPerMinute) / (double)TimeSpan.TicksPerSecond;
        var text = string.Create(CultureInfo.InvariantCulture, $"{seconds:0.#########}s");
        if (absolute >= TimeSpan.FromMinutes(1))
        {
            text = $"{absolute.Minutes.ToString(CultureInfo.InvariantCulture)}m{text}";
        }

        return hours > 0 ? $"{sign}{hours.ToString(CultureInfo.InvariantCulture)}h{text}" : sign + text;
    }

    private static double ScaleOf(ReadOnlySpan<char> unit)
    {
        foreach (var (suffix, ticks) in Units)
        {
            if (unit.SequenceEqual(suffix))
            {
                return ticks;
            }
        }

        return 0;
    }
}
