namespace Cilium.Lab.Demonstration;

/// <summary>One thing the demonstration shows.</summary>
/// <param name="Name">What must hold.</param>
/// <param name="Passed">Whether it does.</param>
/// <param name="Detail">What was seen.</param>
public sealed record DemoCheck(string Name, bool Passed, string Detail);
