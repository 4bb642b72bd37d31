namespace Cilium.Hubble.Filters;

/// <summary>A flow filter that cannot be understood; the message names the field and the value.</summary>
/// <param name="field">The field of the filter.</param>
/// <param name="reason">What is wrong with its value.</param>
public sealed class FlowFilterException(string field, string reason) : Exception($"{field}: {reason}")
{
    /// <summary>The field of the filter.</summary>
    public string Field { get; } = field;
}
