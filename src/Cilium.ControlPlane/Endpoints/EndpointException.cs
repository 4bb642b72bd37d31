namespace Cilium.ControlPlane.Endpoints;

/// <summary>A request about an endpoint cannot be met; the status is the one of the REST API.</summary>
public sealed class EndpointException(int statusCode, string message) : Exception(message)
{
    /// <summary>400 for a wrong request, 404 for an unknown endpoint, 409 for a conflict, 500 for a datapath that refuses, 503 for what may be met later.</summary>
    public int StatusCode { get; } = statusCode;
}
