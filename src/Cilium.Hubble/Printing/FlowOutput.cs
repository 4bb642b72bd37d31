namespace Cilium.Hubble.Printing;

/// <summary>How flows are printed.</summary>
public enum FlowOutput
{
    /// <summary>One line each, the client on the left.</summary>
    Compact,

    /// <summary>A block of named lines each.</summary>
    Dict,

    /// <summary>A JSON object of the response on a line each, with the protocol's field names.</summary>
    JsonPb,

    /// <summary>A table with aligned columns, complete only at the end.</summary>
    Tab,
}

/// <summary>How flows are printed, in detail.</summary>
public sealed class FlowPrinterOptions
{
    /// <summary>The form.</summary>
    public FlowOutput Output { get; set; } = FlowOutput.Compact;

    /// <summary>True to name the node of each flow.</summary>
    public bool PrintNodeName { get; set; }

    /// <summary>True to append the policies that decided.</summary>
    public bool PrintPolicyNames { get; set; }

    /// <summary>True to print pod, service and DNS names instead of addresses.</summary>
    public bool TranslateAddresses { get; set; } = true;

    /// <summary>True to print informal messages about nodes too.</summary>
    public bool Debug { get; set; }

    /// <summary>
    /// A .NET format string for times in UTC, in which <c>.FFFFFFFFF</c> stands for nanoseconds without zeros at the end; null for <c>Jan  2 15:04:05.000</c>.
    /// </summary>
    public string? TimeFormat { get; set; }

    /// <summary>True to color words with terminal escapes.</summary>
    public bool UseColor { get; set; }
}
