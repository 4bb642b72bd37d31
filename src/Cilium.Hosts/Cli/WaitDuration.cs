using System.Buffers;
using System.Globalization;

namespace Cilium.Hosts.Cli;

/// <summary>Reads durations such as <c>5m</c>, <c>1h30m</c> or <c>500ms</c>.</summary>
internal static class WaitDuration
{
    private static readonly SearchValues<char> s_numberCharacters = SearchValues.Create("0123456789.");

    public static TimeSpan Parse(string text)
    {
        var seconds = 0.0;
        var rest = text.AsSpan();
        do
        {
            var digits = rest.IndexOfAnyExcept(s_numberCharacters);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                throw Wrong(text);
            }

            rest = rest[digits..];
            var letters = rest.IndexOfAny(s_numberCharacters);
            var unit = letters < 0 ? rest : rest[..letters];
            seconds += number * (unit switch { "ns" => 1e-9, "us" or "µs" => 1e-6, "ms" => 1e-3, "s" => 1, "m" => 60, "h" => 3600, _ => throw Wrong(text) });
            rest = rest[unit.Length..];
        }
        while (!rest.IsEmpty);

        return seconds <= 1e9 ? TimeSpan.FromSeconds(seconds) : throw Wrong(text);
    }

    private static FormatException Wrong(string text) => new($"'{text}' is no duration such as 5m");
}
