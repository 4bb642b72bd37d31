using Cilium.Core;

namespace Cilium.Policy;

/// <summary>Whose policy is compiled. Endpoints with equal subjects have one policy.</summary>
/// <param name="Labels">The labels of its identity.</param>
/// <param name="NamedPorts">Its own named ports, normalized by <see cref="NamedPort.Normalize"/>.</param>
public sealed record PolicySubject(LabelSet Labels, EquatableArray<NamedPort> NamedPorts = default);
