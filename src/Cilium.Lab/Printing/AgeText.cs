namespace Cilium.Lab.Printing;

/// <summary>Durations the way kubectl prints them: two units at most.</summary>
internal static class AgeText
{
    public static string Of(DateTimeOffset? since, DateTimeOffset now) => since is { } moment ? Of(now - moment) : "<unknown>";

    public static string Of(TimeSpan age)
    {
        var seconds = (long)Math.Max(0, age.TotalSeconds);
        if (seconds < 120) return $"{seconds}s";
        var minutes = seconds / 60;
        if (minutes < 10) return seconds % 60 == 0 ? $"{minutes}m" : $"{minutes}m{seconds % 60}s";
        if (minutes < 180) return $"{minutes}m";
        var hours = minutes / 60;
        if (hours < 8) return minutes % 60 == 0 ? $"{hours}h" : $"{hours}h{minutes % 60}m";
        if (hours < 48) return $"{hours}h";
        var days = hours / 24;
        if (days < 8) return hours % 24 == 0 ? $"{days}d" : $"{days}d{hours % 24}h";
        if (days < 730) return $"{days}d";
        return $"{days / 365}y{days % 365}d";
    }
}
