namespace Cilium.Lab;

/// <summary>How a lab is to be.</summary>
public sealed record LabOptions
{
    /// <summary>The lab's name: lower-case letters, digits and dashes, 20 at most.</summary>
    public string Name { get; init; } = "default";

    /// <summary>How many nodes it has, 1 to 100; the first is the control plane.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>Files with Helm values, later ones winning.</summary>
    public IReadOnlyList<string> ValueFiles { get; init; } = [];

    /// <summary>Single values as <c>key=value</c>, winning over files.</summary>
    public IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>The folder that holds the state of all labs.</summary>
    public string Root { get; init; } = ".lab";

    /// <summary>The folder with the shipped executables.</summary>
    public string Binaries { get; init; } = "artifacts/bin";

    /// <summary>Whether Cilium is installed; without it the nodes stay NotReady.</summary>
    public bool InstallsCilium { get; init; } = true;

    /// <summary>How long to wait for the nodes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(3);
}
