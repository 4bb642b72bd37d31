using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cilium.Simulation.Explaining;

/// <summary>An answer for programs.</summary>
/// <param name="Walks">The walks.</param>
/// <param name="NotEnforced">Policies that are not enforced, with the reasons.</param>
/// <param name="Warnings">What authors of policies may not expect.</param>
/// <param name="Unexpected">Walks that are not as expected; null when nothing was.</param>
public sealed record ExplainAnswer(IReadOnlyList<Walk> Walks, IReadOnlyList<string> NotEnforced, IReadOnlyList<string> Warnings, IReadOnlyList<string>? Unexpected)
{
    /// <summary>The answer as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, WalkJson.Default.ExplainAnswer);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExplainAnswer))]
internal sealed partial class WalkJson : JsonSerializerContext;
