using System.Buffers;
using System.Globalization;
using Cilium.Hubble.Filters;
using Google.Protobuf.WellKnownTypes;

namespace Cilium.Hubble.Client;

/// <summary>Which part of the ring a command asks for.</summary>
public sealed class FlowSelection
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    // As times are written in ISO 8601, to the day, hour, minute or second; and as RFC 1123 does with a numeric zone. What has no zone is UTC.
    private static readonly string[] TimeForms =
    [
        "yyyy-MM-dd", "yyyy-MM-dd'T'HHK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "ddd, dd MMM yyyy HH:mm:ss zzz",
    ];

    /// <summary>How many flows are shown when nothing else is said.</summary>
    public const ulong DefaultLast = 20;

    /// <summary>All flows that are kept.</summary>
    public bool All { get; init; }

    /// <summary>The newest so many; 0 if not given.</summary>
    public ulong Last { get; init; }

    /// <summary>The oldest so many; 0 if not given.</summary>
    public ulong First { get; init; }

    /// <summary>True to go on with what comes.</summary>
    public bool Follow { get; init; }

    /// <summary>A time or a duration before now; null if not given.</summary>
    public string? Since { get; init; }

    /// <summary>A time or a duration before now; null if not given.</summary>
    public string? Until { get; init; }

    /// <summary>Writes the selection into a request.</summary>
    /// <exception cref="FlowFilterException">Two parts contradict each other or a time cannot be read.</exception>
    public void WriteTo(Proto.GetFlowsRequest request, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (First != 0 && (Last != 0 || All || Follow))
        {
            throw new FlowFilterException("--first", "cannot be combined with --last, --all or --follow");
        }

        if (All && Last != 0)
        {
            throw new FlowFilterException("--all", "cannot be combined with --last");
        }

        if (Follow && Until is not null)
        {
            throw new FlowFilterException("--until", "cannot be combined with --follow");
        }

        request.Follow = Follow;
        request.First = First != 0;
        request.Since = Time("--since", Since, now);
        request.Until = Time("--until", Until, now);
        request.Number = (First, All, Last) switch
        {
            ( > 0, _, _) => First,
            (_, true, _) => ulong.MaxValue,
            (_, _, > 0) => Last,
            _ => Follow || Since is not null || Until is not null ? 0 : DefaultLast,
        };
    }

    private static Timestamp? Time(string option, string? text, DateTimeOffset now)
    {
        if (text is null)
        {
            return null;
        }

        if (TryParseDuration(text, out var duration))
        {
            return Timestamp.FromDateTimeOffset(now - duration);
        }

        return DateTimeOffset.TryParseExact(WithoutNanoseconds(text), TimeForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? Timestamp.FromDateTimeOffset(time)
            : throw new FlowFilterException(option, $"'{text}' is neither a time such as 2024-01-02T15:04:05Z nor a duration such as 5m");
    }

    // Times here have seven digits after the point, those of flows nine.
    private static string WithoutNanoseconds(string text)
    {
        var point = text.IndexOf('.', StringComparison.Ordinal);
        var end = point < 0 ? -1 : text.AsSpan(point + 1).IndexOfAnyExceptInRange('0', '9');
        var digits = point < 0 ? 0 : end < 0 ? text.Length - point - 1 : end;
        return digits is > 7 and <= 9 ? text.Remove(point + 8, digits - 7) : text;
    }

    /// <summary>Reads a duration such as <c>1h30m</c> or <c>500ms</c>.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(text);
        duration = TimeSpan.Zero;
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAnyInRange('0', '9');
            var unit = letters < 0 ? rest : rest[..letters];
            var seconds = unit switch { "ns" => 1e-9, "us" or "µs" => 1e-6, "ms" => 1e-3, "s" => 1, "m" => 60, "h" => 3600, "d" => 86400, _ => 0.0 };
            if (seconds == 0 || number * seconds > 1e9)
            {
                return false;
            }

            duration += TimeSpan.FromSeconds(number * seconds);
            rest = rest[unit.Length..];
        }

        return text.Length != 0;
    }
}
