namespace Cilium.ControlPlane.Agent;

/// <summary>A loop of the agent that runs until it is cancelled. An exception ends the agent, which then starts anew from its state.</summary>
internal interface IAgentLoop
{
    /// <summary>Its name among the agent's controllers.</summary>
    string Name { get; }

    /// <summary>Runs until cancelled.</summary>
    Task RunAsync(CancellationToken cancellationToken);
}
