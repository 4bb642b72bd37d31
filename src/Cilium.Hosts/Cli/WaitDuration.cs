using System.Globalization;

namespace Cilium.Hosts.Cli;

/// <summary>Reads durations such as <c>5m</c> or <c>1h30m</c>.</summary>
internal static class WaitDuration
{
    public static TimeSpan Parse(string text)
    {
        var total = TimeSpan.Zero;
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
            {
                digits++;
            }

            var seconds = rest.Length > digits ? rest[digits] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 } : 0;
            if (seconds == 0 || !double.TryParse(rest[..digits], CultureInfo.InvariantCulture, out var number) || number > 1e6)
            {
                throw new FormatException($"'{text}' is no duration such as 5m");
            }

            total += TimeSpan.FromSeconds(number * seconds);
            rest = rest[(digits + 1)..];
        }

        return total;
    }
}
