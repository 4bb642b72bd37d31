using System.Net;
using Amazon.Runtime;
using Cilium.Ipam;

namespace Cilium.Aws;

/// <summary>What refusals of EC2 mean (source: the list of client and server error codes in the EC2 API reference).</summary>
internal static class Ec2Errors
{
    /// <summary>Translates what the client library threw; null for what is none of EC2's refusals.</summary>
    /// <param name="call">The name of the call.</param>
    /// <param name="exception">What was thrown.</param>
    /// <param name="isOver">True when the caller itself gave up.</param>
    public static CloudRefusedException? Translate(string call, Exception exception, bool isOver) => exception switch
    {
        AmazonServiceException { ErrorCode: { Length: > 0 } code } refused => new CloudRefusedException(call, ReasonOf(code), code, refused.Message, refused),
        AmazonClientException or HttpRequestException or IOException => new CloudRefusedException(call, CloudRefusal.Other, "", exception.Message, exception),
        OperationCanceledException or TimeoutException when !isOver => new CloudRefusedException(call, CloudRefusal.Other, "", "no answer in time", exception),
        _ => null,
    };

    /// <summary>True when the same call may well succeed a little later, and nothing is known of what it did.</summary>
    public static bool IsTransient(CloudRefusedException refused) => refused.Reason == CloudRefusal.Other
        && (refused.Code.Length == 0
            || refused.Code is "InternalError" or "InternalFailure" or "ServiceUnavailable" or "Unavailable" or "RequestTimeout"
            || refused.InnerException is AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError });

    private static CloudRefusal ReasonOf(string code) => code switch
    {
        "RequestLimitExceeded" or "Throttling" or "ThrottlingException" or "ThrottledException" or "RequestThrottled" or "RequestThrottledException"
            or "TooManyRequestsException" or "EC2ThrottledException" or "SlowDown" or "BandwidthLimitExceeded" => CloudRefusal.Throttled,
        "InsufficientFreeAddressesInSubnet" or "InsufficientCidrBlocks" => CloudRefusal.SubnetExhausted,
        "AttachmentLimitExceeded" or "PrivateIpAddressLimitExceeded" or "NetworkInterfaceLimitExceeded" => CloudRefusal.LimitReached,
        _ when code.EndsWith(".NotFound", StringComparison.Ordinal) => CloudRefusal.NotFound,
        _ => CloudRefusal.Other,
    };
}
