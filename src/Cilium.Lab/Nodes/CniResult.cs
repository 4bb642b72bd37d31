using System.Text.Json.Nodes;

namespace Cilium.Lab.Nodes;

/// <summary>Addresses a CNI plugin gave a pod.</summary>
internal sealed record CniResult(IReadOnlyList<string> Addresses, JsonObject Json);

/// <summary>A CNI plugin refused or could not be run.</summary>
internal sealed class CniFailureException(string message) : Exception(message);
