using System.Net;

namespace Cilium.Kubernetes;

/// <summary>The API server refused a request. The message names the request, the object and the server's reason.</summary>
public sealed class KubernetesException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="request">The verb and the path.</param>
    /// <param name="status">The HTTP status.</param>
    /// <param name="reason">The reason of the Status object: <c>Conflict</c>, <c>AlreadyExists</c>, ...; empty when the body had none.</param>
    /// <param name="detail">The message of the Status object.</param>
    public KubernetesException(string request, HttpStatusCode status, string reason, string detail)
        : base($"{request}: {(int)status} {(reason.Length == 0 ? status.ToString() : reason)}{(detail.Length == 0 ? "" : $": {detail}")}")
    {
        Request = request;
        Status = status;
        Reason = reason;
    }

    /// <summary>The verb and the path.</summary>
    public string Request { get; }

    /// <summary>The HTTP status.</summary>
    public HttpStatusCode Status { get; }

    /// <summary>The reason of the Status object; empty when the body had none.</summary>
    public string Reason { get; }

    /// <summary>True when the object is not there, or its kind is not served.</summary>
    public bool IsNotFound => Status == HttpStatusCode.NotFound;

    /// <summary>True when a create found an object of that name.</summary>
    public bool IsAlreadyExists => Status == HttpStatusCode.Conflict && Reason is "AlreadyExists";

    /// <summary>True when the object changed since it was read, or a precondition failed.</summary>
    public bool IsConflict => Status == HttpStatusCode.Conflict && !IsAlreadyExists;

    /// <summary>True when the asked resource version is too old: list again.</summary>
    public bool IsExpired => Status == HttpStatusCode.Gone || Reason is "Expired" or "Gone";

    /// <summary>True when the same request may succeed later.</summary>
    public bool IsTransient => (int)Status >= 500 || Status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout;
}
