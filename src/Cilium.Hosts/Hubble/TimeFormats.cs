namespace Cilium.Hosts.Hubble;

/// <summary>The names that <c>--time-format</c> takes (hubble/pkg/time): letters of any case, and what is none of them is StampMilli.</summary>
internal static class TimeFormats
{
    /// <summary>The names, as the help shows them.</summary>
    public const string Names = "StampMilli, YearMonthDay, YearMonthDayHour, YearMonthDayHourMinute, RFC3339, RFC3339Milli, RFC3339Micro, RFC3339Nano or RFC1123Z";

    /// <summary>The form of times in the words of <see cref="Cilium.Hubble.Printing.FlowPrinterOptions.TimeFormat"/>.</summary>
    public static string? Find(string? name) => name?.ToUpperInvariant() switch
    {
        "YEARMONTHDAY" => "yyyy-MM-dd",
        "YEARMONTHDAYHOUR" => "yyyy-MM-ddTHHZ",
        "YEARMONTHDAYHOURMINUTE" => "yyyy-MM-ddTHH:mmZ",
        "RFC3339" => "yyyy-MM-ddTHH:mm:ssZ",
        "RFC3339MILLI" => "yyyy-MM-ddTHH:mm:ss.FFFZ",
        "RFC3339MICRO" => "yyyy-MM-ddTHH:mm:ss.FFFFFFZ",
        "RFC3339NANO" => "yyyy-MM-ddTHH:mm:ss.FFFFFFFFFZ",
        "RFC1123Z" => "ddd, dd MMM yyyy HH:mm:ss +0000",
        _ => null,
    };
}
